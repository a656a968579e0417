"""Seeing and renaming AOS subscriptions."""
