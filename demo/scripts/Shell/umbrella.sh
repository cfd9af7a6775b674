# Started by a condition only when this day of the year was wet in at least two of the four years.
echo "Take an umbrella: it rained on $1 in $2 of 4 years."
