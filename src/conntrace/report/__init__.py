"""Reads span lines back and makes them plain. Never imports the traced side or analyzer."""
