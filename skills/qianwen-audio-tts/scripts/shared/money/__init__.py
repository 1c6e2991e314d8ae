"""What a call costs: asked before, told after, summed up, bounded."""
