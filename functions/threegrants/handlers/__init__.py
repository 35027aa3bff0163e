"""The Lambdas: parse, call, respond; everything else is in the rooms above."""
