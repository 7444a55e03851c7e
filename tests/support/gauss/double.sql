-- A server of the Gauss family, played by a stock PostgreSQL. Everything is in the schema `gauss`, which the database's
-- search_path names before pg_catalog, so the family's statements run as they are, without a schema before any name.
--
-- The settings `gauss.*` of postgresql.conf say what is played: engine (opengauss, gaussdb, dws), version, deployment,
-- enable_thread_pool, pgxc_node_name, enableseparationofduty, workers.
--
-- What it cannot play:
-- * the grammar. LATERAL, FILTER, WITH ORDINALITY, MATERIALIZED and `unnest` of several arrays work here and do not on
--   the family; and SHOW, SET, ALTER USER ... MONADMIN and EXECUTE DIRECT work there and do not here;
-- * memory. Two sessions that wake to the same worker share it out anew when the first of them leaves (see `sessions`),
--   so that a session may, rarely, change its worker within a transaction;
-- * the limit of the pool: there is always one more worker.
CREATE SCHEMA gauss;
GRANT USAGE ON SCHEMA gauss TO PUBLIC;
CREATE ROLE gs_role_signal_backend;
CREATE ROLE gs_role_read_all_stats;

-- What ALTER USER keeps in the catalogue there.
CREATE TABLE gauss.attributes (
    role oid PRIMARY KEY, system_admin boolean NOT NULL DEFAULT false, monitor_admin boolean NOT NULL DEFAULT false,
    persistence boolean NOT NULL DEFAULT false);
-- Threads of the server itself, and of its tools.
CREATE TABLE gauss.internal_threads (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, application_name text NOT NULL, state text, client_addr inet,
    client_port int, backend_start timestamptz NOT NULL DEFAULT clock_timestamp(), state_change timestamptz,
    query text NOT NULL DEFAULT '');
-- Sessions that took an id of the caller's choice, which is outside the pool that of a thread; and applications that log
-- in past the pool (at the HA port).
CREATE TABLE gauss.renumbered (real_pid int PRIMARY KEY, sessionid bigint NOT NULL UNIQUE);
CREATE TABLE gauss.outside_the_pool (application_name text PRIMARY KEY);
-- Applications whose statements run in parallel, and on how many threads beside the session's own.
CREATE TABLE gauss.parallel (application_name text PRIMARY KEY, threads int NOT NULL);
-- Columns, functions, settings and roles that the server does not have.
CREATE TABLE gauss.absent (feature text PRIMARY KEY);
CREATE TABLE gauss.nodes (
    node_name name NOT NULL, node_type "char" NOT NULL, node_port int NOT NULL, node_host name NOT NULL,
    node_port1 int NOT NULL, node_host1 name NOT NULL, hostis_primary boolean NOT NULL DEFAULT true,
    nodeis_primary boolean NOT NULL DEFAULT false, nodeis_preferred boolean NOT NULL DEFAULT false,
    node_id int NOT NULL, sctp_port int NOT NULL DEFAULT 0, control_port int NOT NULL DEFAULT 0,
    sctp_port1 int NOT NULL DEFAULT 0, control_port1 int NOT NULL DEFAULT 0,
    nodeis_central boolean NOT NULL DEFAULT false, nodeis_active boolean NOT NULL DEFAULT true);

-- --- settings --------------------------------------------------------------------------------------------------------

-- PostgreSQL has no settings without a dot beside its own, so the family's are kept as `gauss.<name>`.
CREATE FUNCTION gauss.is_ours(name text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT lower(name) IN ('session_timeout', 'pgxc_node_name', 'enable_thread_pool', 'enableseparationofduty',
                           'server_version', 'server_version_num') $$;

CREATE FUNCTION gauss.is_absent(feature text) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT EXISTS (SELECT FROM gauss.absent a WHERE a.feature = lower($1)) $$;

-- Seconds as a server shows them: in the largest unit that fits.
CREATE FUNCTION gauss.as_duration(seconds int) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN seconds = 0 THEN '0'
                WHEN seconds % 86400 = 0 THEN seconds / 86400 || 'd'
                WHEN seconds % 3600 = 0 THEN seconds / 3600 || 'h'
                WHEN seconds % 60 = 0 THEN seconds / 60 || 'min'
                ELSE seconds || 's' END $$;

CREATE FUNCTION gauss.current_setting(name text, missing_ok boolean) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF NOT gauss.is_ours(name) THEN
        RETURN pg_catalog.current_setting(name, missing_ok);
    ELSIF lower(name) = 'session_timeout' AND NOT gauss.is_absent(name) THEN
        RETURN gauss.as_duration(pg_catalog.current_setting('gauss.session_timeout')::int);
    ELSIF NOT gauss.is_absent(name) THEN
        RETURN pg_catalog.current_setting('gauss.' || lower(name));
    ELSIF missing_ok THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'unrecognized configuration parameter "%"', name USING ERRCODE = 'undefined_object';
END $$;

CREATE FUNCTION gauss.current_setting(name text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT gauss.current_setting(name, false) $$;

-- `session_timeout` counts in open transactions as well, and is in seconds; what becomes of it is in the server's log.
CREATE FUNCTION gauss.set_config(name text, value text, is_local boolean) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    IF NOT gauss.is_ours(name) OR gauss.is_absent(name) THEN
        RETURN pg_catalog.set_config(name, value, is_local);
    ELSIF lower(name) <> 'session_timeout' THEN
        RAISE EXCEPTION 'parameter "%" cannot be changed now', name USING ERRCODE = 'cant_change_runtime_param';
    ELSIF value::int NOT BETWEEN 0 AND 86400 THEN
        RAISE EXCEPTION '% is outside the valid range for parameter "%" (0 .. 86400)', value, name
              USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM pg_catalog.set_config('idle_session_timeout', value || 's', is_local),
            pg_catalog.set_config('idle_in_transaction_session_timeout', value || 's', is_local);
    RAISE LOG 'gauss double: %', json_build_object('real_pid', pg_catalog.pg_backend_pid(), 'session_timeout', value);
    RETURN pg_catalog.set_config('gauss.session_timeout', value, is_local);
END $$;

-- --- who may what ----------------------------------------------------------------------------------------------------

-- The user with the id 10 made the cluster. With duties separated, a system administrator is a user like others.
CREATE FUNCTION gauss.is_admin(role name) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT r.oid = 10 OR coalesce(a.system_admin, false) AND current_setting('gauss.enableseparationofduty') <> 'on'
      FROM pg_authid r LEFT JOIN gauss.attributes a ON a.role = r.oid
     WHERE r.rolname = $1 $$;

CREATE FUNCTION gauss.is_member(role name, of name) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT coalesce((SELECT pg_has_role($1, oid, 'USAGE') FROM pg_authid WHERE rolname = $2), false) $$;

CREATE FUNCTION gauss.sees_all(role name) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT gauss.is_admin($1)
        OR CASE WHEN gauss.is_absent('rolmonitoradmin') THEN gauss.is_member($1, 'gs_role_read_all_stats')
                ELSE EXISTS (SELECT FROM gauss.attributes a JOIN pg_authid r ON r.oid = a.role
                              WHERE r.rolname = $1 AND a.monitor_admin) END $$;

-- The catalogue of roles is read by the initial user and by system administrators, also where duties are separated;
-- the rights of the initial user are a system administrator's only where they are not.
CREATE FUNCTION gauss.has_table_privilege(role oid, relation text, privilege text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT CASE WHEN lower($2) IN ('pg_authid', 'pg_catalog.pg_authid')
                THEN $1 = 10 OR EXISTS (SELECT FROM gauss.attributes a WHERE a.role = $1 AND a.system_admin)
                ELSE pg_catalog.has_table_privilege($1, $2, $3) END $$;

CREATE FUNCTION gauss.pg_has_role(role oid, of oid, privilege text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT CASE WHEN $2 = 10 THEN coalesce((SELECT gauss.is_admin(rolname) FROM pg_authid WHERE oid = $1), false)
                ELSE pg_catalog.pg_has_role($1, $2, $3) END $$;

-- --- sessions --------------------------------------------------------------------------------------------------------

-- Which pid our own row had in the list that this statement read, so that `pid = pg_backend_pid()` finds that row,
-- whatever other sessions have done to the pool since.
CREATE FUNCTION gauss.remembered(pid bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_catalog.set_config('gauss.own_pid', extract(epoch FROM statement_timestamp()) || ' ' || pid, false);
    RETURN pid;
END $$;

CREATE FUNCTION gauss.as_thread(real_pid int) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT 140000000000000 + real_pid $$;

-- Every session that a role is shown, or all if no role is named, read from shared memory at this moment, as the family
-- does; PostgreSQL alone would answer a whole transaction from one snapshot. Rows without a database or user are not
-- listed there.
--
-- Outside the pool a session is its thread. In the pool:
-- * its id counts up from the server's start. Real pids do as well, so their distance from the postmaster's is taken,
--   which needs no table: it works on a standby;
-- * while it is idle it has no worker, and its pid is 0, unless it holds an advisory lock beyond its transactions.
--   Before its first statement it has no state either. Whoever wakes takes a worker, and keeps it to the end of the
--   transaction. Each waking has a home among `gauss.workers` workers; where several meet, the first keeps it and the
--   others take spare ones. With one home, whoever wakes takes the lowest, and moves down when somebody before leaves.
--
-- A statement that runs in parallel has a row for each of its threads besides, with the session's id and no client. The
-- pool's threads stay afterwards, as idle rows with the id 0.
CREATE FUNCTION gauss.sessions(viewer name, remember boolean) RETURNS TABLE (
    real_pid int, datid oid, datname name, pid bigint, sessionid bigint, lwtid int, usesysid oid, usename name,
    application_name text, client_addr inet, client_hostname text, client_port int, backend_start timestamptz,
    xact_start timestamptz, query_start timestamptz, state_change timestamptz, waiting boolean, enqueue text,
    state text, resource_pool name, stmt_type text, query_id bigint, query text, connection_info text,
    unique_sql_id bigint, trace_id text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog ROWS 100 AS $$
#variable_conflict use_column
DECLARE
    pool CONSTANT boolean := current_setting('gauss.enable_thread_pool') = 'on';
    homes CONSTANT int := current_setting('gauss.workers');
    only_user CONSTANT oid := CASE WHEN viewer IS NULL OR gauss.sees_all(viewer) THEN NULL
                                   ELSE (SELECT oid FROM pg_authid WHERE rolname = viewer) END;
    postmaster int;
BEGIN
    -- Who does not report what it does itself is told nothing.
    IF viewer IS NOT NULL AND current_setting('track_activities') = 'off' THEN
        RAISE INFO 'track_activities is off';
        RETURN;
    END IF;
    IF pool THEN
        postmaster := split_part(pg_read_file('postmaster.pid'), E'\n', 1);
    END IF;
    PERFORM pg_stat_clear_snapshot();
    RETURN QUERY
    WITH holders AS MATERIALIZED (
        SELECT DISTINCT l.pid FROM pg_lock_status() l WHERE pool AND l.locktype = 'advisory' AND l.granted
    ), clients AS (
        SELECT b.*, pool AND o.application_name IS NULL AS pooled, b.state = 'idle' AND b.query_start IS NULL AS fresh,
               b.state <> 'idle' OR b.pid IN (SELECT h.pid FROM holders h) AS held,
               abs(hashtextextended(b.pid || ' ' || coalesce(b.xact_start, b.query_start, b.backend_start), 0))
               % homes AS home
          FROM pg_stat_get_activity(NULL) b
          LEFT JOIN gauss.outside_the_pool o ON pool AND o.application_name = b.application_name
         WHERE b.backend_type = 'client backend'
    ), numbered AS (
        SELECT c.pid AS real_pid, c.datid, c.usesysid, c.application_name, c.client_addr, c.client_hostname,
               c.client_port, c.backend_start,
               c.xact_start, c.query_start,
               CASE WHEN NOT (c.pooled AND c.fresh) THEN c.state_change END AS state_change,
               coalesce(c.wait_event_type = 'Lock', false) AS waiting,
               CASE WHEN NOT (c.pooled AND c.fresh) THEN c.state END AS state,
               CASE WHEN NOT c.fresh THEN c.query END AS query,
               CASE WHEN NOT c.pooled THEN coalesce(n.sessionid, gauss.as_thread(c.pid))
                    WHEN NOT c.held THEN 0
                    -- The rank among those of the same home; sessions without a worker stand in no such line.
                    ELSE 139000000000000 + 4096 * (c.home + homes * (row_number() OVER (
                             PARTITION BY c.pooled AND c.held, c.home
                             ORDER BY coalesce(c.xact_start, c.query_start, c.backend_start), c.pid) - 1)) END AS pid,
               coalesce(n.sessionid, CASE WHEN c.pooled THEN (c.pid - postmaster + 4194304) % 4194304
                                          ELSE gauss.as_thread(c.pid) END) AS sessionid
          FROM clients c LEFT JOIN gauss.renumbered n ON n.real_pid = c.pid
        UNION ALL
        SELECT NULL, c.datid, c.usesysid, c.application_name, NULL, NULL, NULL,
               CASE WHEN NOT c.pooled THEN c.backend_start END, CASE WHEN c.state = 'active' THEN c.xact_start END,
               NULL, c.state_change, false, c.state, NULL, 142000000000000 + 64 * c.pid + t.number,
               CASE WHEN c.state <> 'active' THEN 0
                    ELSE coalesce(n.sessionid, CASE WHEN c.pooled THEN (c.pid - postmaster + 4194304) % 4194304
                                                    ELSE gauss.as_thread(c.pid) END) END
          FROM clients c
          JOIN gauss.parallel p ON p.application_name = c.application_name
          LEFT JOIN gauss.renumbered n ON n.real_pid = c.pid
         CROSS JOIN LATERAL generate_series(1, p.threads) t (number)
         WHERE c.state = 'active' OR c.pooled AND c.state = 'idle' AND NOT c.fresh
        UNION ALL
        SELECT NULL, (SELECT oid FROM pg_database WHERE datname = 'postgres'), 10, t.application_name, t.client_addr,
               NULL, t.client_port, t.backend_start, NULL, NULL, t.state_change, false, t.state, t.query,
               141000000000000 + t.id, 141000000000000 + t.id
          FROM gauss.internal_threads t
    )
    SELECT s.real_pid, s.datid, d.datname,
           CASE WHEN remember AND pool AND s.real_pid = pg_backend_pid() THEN gauss.remembered(s.pid) ELSE s.pid END,
           s.sessionid, coalesce(s.real_pid, 1), s.usesysid, u.rolname, s.application_name, s.client_addr,
           s.client_hostname, s.client_port, s.backend_start, s.xact_start, s.query_start, s.state_change, s.waiting,
           NULL::text, s.state, 'default_pool'::name, NULL::text,
           CASE WHEN s.state = 'active'
                THEN 72057594037927936 + (extract(epoch FROM coalesce(s.query_start, s.state_change)) * 1000)::bigint
                ELSE 0 END,
           s.query, NULL::text, abs(hashtextextended(s.query, 0)), ''
      FROM numbered s
      JOIN pg_database d ON d.oid = s.datid
      JOIN pg_authid u ON u.oid = s.usesysid
     WHERE only_user IS NULL OR s.usesysid = only_user;
END $$;

-- The thread that serves this session now: in the pool a worker.
CREATE FUNCTION gauss.pg_backend_pid() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    own CONSTANT int := pg_catalog.pg_backend_pid();
    remembered CONSTANT text := pg_catalog.current_setting('gauss.own_pid', true);
BEGIN
    IF pg_catalog.current_setting('gauss.enable_thread_pool') <> 'on' THEN
        RETURN gauss.as_thread(own);
    ELSIF split_part(remembered, ' ', 1) = extract(epoch FROM statement_timestamp())::text THEN
        RETURN split_part(remembered, ' ', 2);
    END IF;
    RETURN coalesce((SELECT s.pid FROM gauss.sessions(current_user, true) s WHERE s.real_pid = own),
                    gauss.as_thread(own));
END $$;

-- --- ending sessions -------------------------------------------------------------------------------------------------

-- The real pid that an id of a session, or a thread of its own, leads to at once; none where only the list can tell.
-- The family finds a session by its id without reading the others, and how long that takes is what a race is about.
CREATE FUNCTION gauss.found_alone(id bigint, is_session boolean) RETURNS int
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    pool CONSTANT boolean := current_setting('gauss.enable_thread_pool') = 'on';
    own CONSTANT boolean := id BETWEEN gauss.as_thread(0) AND gauss.as_thread(4194304);
BEGIN
    IF own AND NOT pool AND NOT EXISTS (SELECT FROM gauss.renumbered) THEN
        RETURN id - gauss.as_thread(0);
    ELSIF own OR NOT is_session OR NOT pool OR id NOT BETWEEN 1 AND 4194304
          OR EXISTS (SELECT FROM gauss.renumbered) OR EXISTS (SELECT FROM gauss.outside_the_pool) THEN
        RETURN NULL;
    END IF;
    RETURN (id + split_part(pg_read_file('postmaster.pid'), E'\n', 1)::int) % 4194304;
END $$;

-- By the thread, whomever it serves at this moment, or by the session's id. What was asked and who was hit is in the
-- server's log, which keeps it even if the transaction fails. An internal thread is hit and stays. Nobody has thread 0.
CREATE FUNCTION gauss.ended(said text, caller name, pid bigint, sessionid bigint, by_thread boolean) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    hit record;
    allowed boolean;
    alone CONSTANT int := gauss.found_alone(CASE WHEN by_thread THEN pid ELSE sessionid END, NOT by_thread);
BEGIN
    IF alone IS NOT NULL THEN
        PERFORM pg_stat_clear_snapshot();
        SELECT b.pid AS real_pid, ended.sessionid AS sessionid, b.usesysid, b.application_name, d.datdba
          INTO hit
          FROM pg_stat_get_activity(alone) b
          JOIN pg_database d ON d.oid = b.datid
         WHERE b.backend_type = 'client backend';
    ELSE
        SELECT s.real_pid, s.sessionid, s.usesysid, s.application_name, d.datdba
          INTO hit
          FROM gauss.sessions(NULL, false) s
          JOIN pg_database d ON d.oid = s.datid
         WHERE CASE WHEN by_thread THEN s.pid = ended.pid ELSE s.sessionid = ended.sessionid END
           AND CASE WHEN by_thread THEN s.pid ELSE s.sessionid END <> 0
         ORDER BY s.real_pid IS NULL
         LIMIT 1;
    END IF;
    allowed := gauss.is_admin(caller)
            OR pg_has_role(caller, hit.usesysid, 'USAGE')
            OR pg_has_role(caller, hit.datdba, 'USAGE')
            OR hit.usesysid <> 10
               AND NOT EXISTS (SELECT FROM gauss.attributes a WHERE a.role = hit.usesysid AND a.persistence)
               AND NOT gauss.is_absent('gs_role_signal_backend')
               AND gauss.is_member(caller, 'gs_role_signal_backend');
    RAISE LOG 'gauss double: %', json_build_object(
        'function', said, 'role', caller, 'pid', pid, 'sessionid', sessionid,
        'allowed', coalesce(allowed, false), 'hit', hit.real_pid, 'hit_application', hit.application_name);
    IF hit.usesysid IS NULL AND (allowed OR NOT by_thread) THEN
        RAISE WARNING 'there is no session % and no thread %', sessionid, pid;
        RETURN false;
    ELSIF allowed IS NOT TRUE THEN
        RAISE EXCEPTION 'must have sysadmin privilege or a member of the gs_role_signal_backend role or the owner of '
                        'the database or the same user to terminate other backend'
              USING ERRCODE = 'insufficient_privilege';
    ELSIF said LIKE 'pg\_cancel\_%' THEN
        RETURN coalesce(pg_cancel_backend(hit.real_pid), true);
    END IF;
    RETURN coalesce(stock_terminate_backend(hit.real_pid), true);
END $$;

-- PostgreSQL's own function would make calls ambiguous, and takes small pids, so the witness alone has it by its name.
ALTER FUNCTION pg_catalog.pg_terminate_backend(int, bigint) RENAME TO stock_terminate_backend;
CREATE SCHEMA witness;
CREATE FUNCTION witness.pg_terminate_backend(pid int, timeout bigint DEFAULT 0) RETURNS boolean LANGUAGE sql AS $$
    SELECT pg_catalog.stock_terminate_backend(pid, timeout) $$;

-- The family's functions have no names for their arguments, but for one.
CREATE FUNCTION gauss.pg_terminate_session(bigint, bigint) RETURNS boolean LANGUAGE sql STRICT AS $$
    SELECT gauss.ended('pg_terminate_session', current_user, $1, $2, $1 = $2) $$;
CREATE FUNCTION gauss.pg_terminate_backend(bigint) RETURNS boolean LANGUAGE sql STRICT AS $$
    SELECT gauss.ended('pg_terminate_backend', current_user, $1, NULL, true) $$;
CREATE FUNCTION gauss.pg_cancel_session(bigint, bigint) RETURNS boolean LANGUAGE sql STRICT AS $$
    SELECT gauss.ended('pg_cancel_session', current_user, $1, $2, $1 = $2) $$;
CREATE FUNCTION gauss.pg_cancel_backend(bigint) RETURNS boolean LANGUAGE sql STRICT AS $$
    SELECT gauss.ended('pg_cancel_backend', current_user, $1, NULL, true) $$;

-- These are there, and what they do is not played.
CREATE FUNCTION gauss.not_played(said text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the double does not play %', said USING ERRCODE = 'feature_not_supported';
END $$;
CREATE FUNCTION gauss.pg_cancel_invalid_query() RETURNS boolean LANGUAGE sql AS $$
    SELECT gauss.not_played('pg_cancel_invalid_query') $$;
CREATE FUNCTION gauss.pg_terminate_active_session_socket(threadid bigint, sessionid bigint) RETURNS boolean
LANGUAGE sql AS $$
    SELECT gauss.not_played('pg_terminate_active_session_socket') $$;
