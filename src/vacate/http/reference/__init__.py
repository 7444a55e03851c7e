"""What is told of the doors: the OpenAPI document, and pages to read it and try calls.

Everything is made from the doors' own tables of operations and errors. `catalogue` joins them, `refusals` says what a
call may be refused with, `document` makes the OpenAPI document of both, `routes` serves it with its pages.
"""
