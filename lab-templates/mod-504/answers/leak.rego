package lab.docs

# Orders whose amount is another with what was known alone: seed/data.py makes the same ones each time.
leaked := 11

code := [cell | some cell in input.document.cells; cell.cell_type == "code"]

# What notebooks keep is one text, or a list of its lines.
text(one) := one if is_string(one)

text(one) := concat("", one) if is_array(one)

source := concat("\n", [text(cell.source) | some cell in code])

deny contains "no code cell joins by get_historical_features" if not contains(source, "get_historical_features")

deny contains "no code cell joins with what was known alone: read the parameters of get_historical_features" if {
	not contains(source, "filter_by_created_timestamp")
}

printed contains text(output.text) if {
	some cell in code
	some output in cell.outputs
}

printed contains text(output.data["text/plain"]) if {
	some cell in code
	some output in cell.outputs
}

said := {to_number(found[1]) |
	some one in printed
	some found in regex.find_all_string_submatch_n(`leaked: *([0-9]+)`, one, -1)
}

deny contains "no output of a code cell says leaked: N" if count(said) == 0

deny contains "leaked: it is another number of orders; count all of labels.parquet" if {
	count(said) > 0
	said != {leaked}
}
