"""Reads span lines back and makes them plain to the eye. Never imports the traced side or analyzer."""
