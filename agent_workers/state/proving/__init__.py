"""What proofs ask of a database: scratch copies, invariants, disturbances. The product never imports it."""
