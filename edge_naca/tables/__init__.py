"""Tables of numbers and labels as people have them: text files, in any of the usual layouts."""
