"""The exercises of the course: what is asked, two hints, a solution, and a check that explains.

    table      all exercises and questions, in order
    judging    what is wrong with somebody's function, in words
    comparing  answers against the right ones; lawful: against the laws of a method
    texts      an exercise as part of a page, and as a file to fill in
    questions  those for paper and the open-ended ones

The other files hold the functions: a solution, whose docstring is the task, and its check.
"""
