-- What is searched, part by part, so that a word in the title counts for more than one in a difference. The last two
-- columns hold what is asked by key, as tokens that no word is.
DROP TABLE search;
CREATE VIRTUAL TABLE search USING fts5 (
  title, about, note, rationale, proposal, signal, difference, facts, given,
  tokenize = "unicode61 remove_diacritics 0"
);
