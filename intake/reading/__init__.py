"""Reading a delivery from the file to store, vault and quarantine, and what waits there."""
