"""The routes of webhook endpoints and deliveries."""
