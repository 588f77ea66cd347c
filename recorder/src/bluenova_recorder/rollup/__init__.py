"""The hours (battery_pack_hours): kept right beside recording, whoever writes into the table."""
