"""Where an expression is looked at: regular points, kinks found by themselves, their neighbours."""
