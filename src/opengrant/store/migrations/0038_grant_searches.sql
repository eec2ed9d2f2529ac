-- Lists of grants by the class of their trouble. The class is read as in 0019_blame.sql.
create index grants_by_trouble on grants (
    application_id,
    substr(substr(trouble, instr(trouble, '"kind":"') + 8), 1, instr(substr(trouble, instr(trouble, '"kind":"') + 8), '"') - 1),
    created_at, id
) where trouble is not null;
