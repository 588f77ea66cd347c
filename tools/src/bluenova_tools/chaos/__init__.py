"""Real services, faults at random instants, and the proof that nothing is lost or stored twice.

`FAULTS=200 SEED=7 make chaos`. Two simulated batteries, a collector for each, two recorders,
Mosquitto and PostgreSQL run as child processes. Between them stand links that can be cut. Faults
begin and end at the instants of a plan that follows from the seed, often several at once. When
all is healed, what the collectors measured is compared with what the tables hold.
"""
