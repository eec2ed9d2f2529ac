-- GET /v3/grants?ip= read all grants of an application. Only grants of hosted sign-in have an address of a browser, so
-- only these pay for the index: one more entry beside thirteen when such a grant is written.
create index grants_by_ip on grants (application_id, ip, created_at, id) where ip is not null;
