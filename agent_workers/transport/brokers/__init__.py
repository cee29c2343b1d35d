"""Settings of the connections to Redis and RabbitMQ: profiles, TLS, queues."""
