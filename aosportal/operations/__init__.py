"""Running the portal: what belongs to neither signing in nor subscriptions alone."""
