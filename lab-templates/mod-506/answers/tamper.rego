package lab.docs

deny contains "another record is the first that is not as it was written" if input.document.first_bad != 11

deny contains "another reason" if input.document.reason != "RecordAltered"
