"""Who: users, organizations, memberships, API keys, the audit trail, events for the tenant."""
