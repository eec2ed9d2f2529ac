-- An id is one grant's in the whole installation: imports choose ids, and two applications may choose the same one at
-- the same time. The index also finds a grant by its id alone.
create unique index grants_by_id on grants (id);
