"""Real servers as fixtures: nginx, DynamoDB Local, Jaeger, and a relay that counts connections."""
