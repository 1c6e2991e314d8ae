"""Pictures, videos and sounds that go in."""
