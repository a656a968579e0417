"""Django's PostgreSQL backend, for a database that may go away and come back."""
