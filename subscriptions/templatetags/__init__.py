"""What our templates can do beyond Django's own."""
