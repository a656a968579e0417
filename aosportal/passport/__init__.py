"""Everything about Alliance Passport Services (APS): signing in, tokens, signing out. It knows no subscriptions."""
