"""What a verdict rests on: intervals, the bootstrap of people, measures by group, power, and the three answers."""
