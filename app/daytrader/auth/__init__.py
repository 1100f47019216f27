"""Who may use the system: identities with a role and a password, and bearer tokens for programs."""
