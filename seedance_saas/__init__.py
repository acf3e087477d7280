"""The kernel: settings, queue, errors, database. It knows no business and imports no app."""
