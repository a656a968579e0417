"""Nothing: `serve` picks `aps_urls` or `aos_urls`."""

urlpatterns = []
