-- What a spent token has become goes with the grant that holds it, which is how these entries are found then.
create index rotations_by_grant on rotations (application_id, grant_id) where grant_id is not null;

-- A grant that took over a successor is the only place where it lies from here on.
delete from secrets where owner_kind = 'rotation' and exists (
    select 1 from rotations r
    where r.application_id = secrets.application_id and r.spent = secrets.owner_id and r.grant_id is not null);
