# From a clone:  make layer && cd examples/deploy/terraform && terraform init && terraform apply

terraform {
  required_version = ">= 1.3"

  required_providers {
    archive = {
      source  = "hashicorp/archive"
      version = ">= 2.4"
    }
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.80"
    }
  }
}

variable "otlp_endpoint" {
  description = "Where spans go, for example http://collector.internal:4318. Empty: findings are written to the function's log."
  type        = string
  default     = ""
}

variable "role_arn" {
  description = "The function's execution role. conntrace needs no permission of its own."
  type        = string
}

locals {
  layer = "${path.module}/../../../dist/conntrace-layer.zip"
}

data "archive_file" "function" {
  type        = "zip"
  source_dir  = "${path.module}/../function"
  output_path = "${path.module}/function.zip"
}

resource "aws_lambda_layer_version" "conntrace" {
  layer_name               = "conntrace"
  filename                 = local.layer
  source_code_hash         = filebase64sha256(local.layer)
  compatible_runtimes      = ["python3.10", "python3.11", "python3.12", "python3.13", "python3.14"]
  compatible_architectures = ["x86_64", "arm64"]
  license_info             = "Apache-2.0"
}

resource "aws_lambda_function" "function" {
  function_name    = "conntrace-example"
  role             = var.role_arn
  filename         = data.archive_file.function.output_path
  source_code_hash = data.archive_file.function.output_base64sha256
  handler          = "app.handler"
  runtime          = "python3.13"
  timeout          = 10
  layers           = [aws_lambda_layer_version.conntrace.arn]

  environment {
    variables = {
      AWS_LAMBDA_EXEC_WRAPPER     = "/opt/conntrace"
      OTEL_EXPORTER_OTLP_ENDPOINT = var.otlp_endpoint
    }
  }
}
