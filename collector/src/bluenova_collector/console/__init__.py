"""The battery's console, from the websocket to one snapshot for each interval."""
