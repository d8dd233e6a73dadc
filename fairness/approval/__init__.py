"""Who decided what: the candidate, its questions, sign-offs, and the release that holds only while all of them do."""
