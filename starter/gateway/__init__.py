"""The gateway: integrators register, drive and follow whistles over HTTP."""
