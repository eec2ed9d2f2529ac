-- Whether an account at a provider has another grant still: asked whenever one is deleted.
create index grants_by_subject on grants (application_id, subject) where subject is not null;
