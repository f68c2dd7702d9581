"""Tests of the emulator; they need nothing of the extension."""
