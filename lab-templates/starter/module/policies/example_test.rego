package lab.example_test

import data.lab.example

test_the_limit_is_a_number if is_number(example.limit)
