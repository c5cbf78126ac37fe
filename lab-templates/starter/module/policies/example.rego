package lab.example

limit := 42
