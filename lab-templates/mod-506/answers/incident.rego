package lab.docs

moved := sum([one.moves | some one in input.facts.lifecycle.models])

deny contains "no alias was found moved yet" if moved == 0

deny contains "the alias that was moved is another" if input.document.alias != "champion"

seconds := (time.parse_rfc3339_ns(input.document.back_at) - time.parse_rfc3339_ns(input.document.detected_at)) / 1000000000

deny contains "detected_at and back_at are RFC 3339 times, such as 2026-03-10T12:00:00Z" if not seconds

deny contains "back_at is before detected_at" if seconds < 0
