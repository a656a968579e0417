"""The stand-in for Alliance Online Services: a few people's subscriptions behind a bearer token."""
