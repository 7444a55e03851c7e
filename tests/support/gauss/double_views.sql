-- The second half of the double (see double.sql): what it says of itself, the views, and what it does without.

-- --- what it says of itself ------------------------------------------------------------------------------------------

CREATE FUNCTION gauss.version() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT pg_catalog.current_setting('gauss.version') $$;
CREATE FUNCTION gauss.opengauss_version() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT substring(gauss.version() FROM 'openGauss ([0-9][^ ]*)') $$;
CREATE FUNCTION gauss.gs_deployment() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT pg_catalog.current_setting('gauss.deployment') $$;
CREATE FUNCTION gauss.pgxc_node_str() RETURNS name LANGUAGE sql STABLE AS $$
    SELECT gauss.current_setting('pgxc_node_name')::name $$;

-- Takes the place of PostgreSQL's own as soon as it is left out (see `leave_out`).
CREATE FUNCTION gauss.absent_pg_control_system() RETURNS TABLE (
    pg_control_version int, catalog_version_no int, system_identifier bigint, pg_control_last_modified timestamptz)
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'function pg_control_system() does not exist' USING ERRCODE = 'undefined_function';
END $$;

-- --- what the views are made of --------------------------------------------------------------------------------------

-- Who waits, and for whom.
CREATE FUNCTION gauss.waits(viewer name) RETURNS TABLE (
    node_name text, db_name text, thread_name text, query_id bigint, tid bigint, sessionid bigint, lwtid int,
    psessionid bigint, tlevel int, smpid int, wait_status text, wait_event text, locktag text, lockmode text,
    block_sessionid bigint, global_sessionid text)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH everybody AS MATERIALIZED (
        SELECT * FROM gauss.sessions(NULL, false)
    ), blocked AS MATERIALIZED (
        SELECT real_pid, (pg_blocking_pids(real_pid))[1] AS by FROM everybody WHERE waiting
    ), wanted AS MATERIALIZED (
        SELECT DISTINCT ON (pid) pid, locktype, mode,
               format('%s:%s:0:0:0:%s', to_hex(coalesce(database, 0)::bigint),
                      to_hex(coalesce(relation, transactionid::text::oid, 0)::bigint),
                      CASE WHEN locktype = 'transactionid' THEN 7 ELSE 0 END) AS locktag
          FROM pg_lock_status() WHERE NOT granted
    )
    SELECT current_setting('gauss.pgxc_node_name'), s.datname::text, s.application_name, s.query_id, s.pid, s.sessionid,
           s.lwtid, NULL::bigint,
           -- The threads of a parallel statement stand below the session's own.
           CASE WHEN s.client_port IS NULL AND s.pid <> s.sessionid THEN 1 ELSE 0 END,
           CASE WHEN s.client_port IS NULL AND s.pid <> s.sessionid THEN (s.pid % 64)::int ELSE 0 END,
           CASE WHEN s.waiting THEN 'acquire lock' WHEN s.state LIKE 'idle%' THEN 'wait cmd' ELSE 'none' END,
           CASE WHEN s.waiting THEN w.locktype WHEN s.state LIKE 'idle%' THEN 'wait cmd' ELSE 'none' END,
           w.locktag, w.mode, b.sessionid,
           format('%s:%s#0', current_setting('gauss.pgxc_node_name'), s.sessionid)
      FROM everybody s
      LEFT JOIN wanted w ON s.waiting AND w.pid = s.real_pid
      LEFT JOIN blocked k ON k.real_pid = s.real_pid
      LEFT JOIN everybody b ON b.real_pid = k.by
     WHERE (SELECT gauss.sees_all(viewer)) OR s.usename = viewer $$;

CREATE FUNCTION gauss.locks() RETURNS TABLE (
    locktype text, database oid, relation oid, page int, tuple smallint, bucket int, virtualxid text,
    transactionid xid, classid oid, objid oid, objsubid smallint, virtualtransaction text, pid bigint,
    sessionid bigint, mode text, granted boolean, fastpath boolean)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT l.locktype, l.database, l.relation, l.page, l.tuple, NULL::int, l.virtualxid, l.transactionid, l.classid,
           l.objid, l.objsubid, l.virtualtransaction, s.pid, s.sessionid, l.mode, l.granted, l.fastpath
      FROM pg_lock_status() l
      LEFT JOIN gauss.sessions(NULL, false) s ON s.real_pid = l.pid $$;

CREATE FUNCTION gauss.roles(viewer name) RETURNS TABLE (
    rolname name, rolsuper boolean, rolinherit boolean, rolcreaterole boolean, rolcreatedb boolean,
    rolcanlogin boolean, rolreplication boolean, rolauditadmin boolean, rolsystemadmin boolean, rolconnlimit int,
    rolpassword text, rolvaliduntil timestamptz, rolrespool name, oid oid, rolmonitoradmin boolean,
    roloperatoradmin boolean, rolpolicyadmin boolean)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT r.rolname, r.oid = 10, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin, r.rolreplication,
           r.oid = 10, r.oid = 10 OR coalesce(a.system_admin, false), r.rolconnlimit, '********', r.rolvaliduntil,
           'default_pool'::name, r.oid, r.oid = 10 OR coalesce(a.monitor_admin, false), r.oid = 10, r.oid = 10
      FROM pg_authid r LEFT JOIN gauss.attributes a ON a.role = r.oid
     WHERE viewer IS NULL OR r.rolname = viewer OR (SELECT gauss.is_admin(viewer)) $$;

-- Coordinators alone know the nodes.
CREATE FUNCTION gauss.known_nodes() RETURNS SETOF gauss.nodes
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT * FROM gauss.nodes WHERE current_setting('gauss.pgxc_node_name') LIKE 'cn\_%' $$;

-- Standbys that stream, which are not shown to users like others.
CREATE FUNCTION gauss.senders(viewer name) RETURNS TABLE (
    pid bigint, usesysid oid, usename name, application_name text, client_addr inet, client_hostname text,
    client_port int, backend_start timestamptz, state text, sync_priority int, sync_state text)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT gauss.as_thread(r.pid), r.usesysid, r.usename, format('WalSender to Standby[%s]', r.application_name),
           r.client_addr, r.client_hostname,
           r.client_port, r.backend_start, initcap(r.state), r.sync_priority, initcap(r.sync_state)
      FROM pg_stat_replication r WHERE (SELECT gauss.sees_all(viewer)) $$;

-- Whoever is no administrator is shown that there is a receiver, and nothing else of it.
CREATE FUNCTION gauss.receiver(viewer name) RETURNS TABLE (
    receiver_pid bigint, local_role text, peer_role text, peer_state text, state text, channel text)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT gauss.as_thread(w.pid), shown.local_role, shown.peer_role, shown.peer_state, shown.state, shown.channel
      FROM pg_stat_wal_receiver w
      LEFT JOIN LATERAL (
          SELECT 'Standby' AS local_role, 'Primary' AS peer_role, 'Normal' AS peer_state, 'Normal' AS state,
                 format('127.0.0.1:%s<--%s:%s', current_setting('port'), w.sender_host, w.sender_port) AS channel
      ) shown ON gauss.is_admin(viewer)
     WHERE w.pid IS NOT NULL $$;
CREATE FUNCTION gauss.pg_stat_get_wal_receiver() RETURNS TABLE (
    receiver_pid bigint, local_role text, peer_role text, peer_state text, state text, channel text)
LANGUAGE sql AS $$
    SELECT * FROM gauss.receiver(current_user) $$;

-- What the view is made from: everybody, or whoever has a thread. A thread of its own is found without the others.
CREATE FUNCTION gauss.activity(viewer name, thread bigint) RETURNS TABLE (
    datid oid, pid bigint, sessionid bigint, usesysid oid, application_name text, state text, query text,
    waiting boolean, xact_start timestamptz, query_start timestamptz, backend_start timestamptz,
    state_change timestamptz, client_addr inet, client_hostname text, client_port int, enqueue text, query_id bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog ROWS 100 AS $$
#variable_conflict use_column
DECLARE
    alone CONSTANT int := gauss.found_alone(thread, false);
BEGIN
    IF alone IS NULL THEN
        RETURN QUERY
        SELECT s.datid, s.pid, s.sessionid, s.usesysid, s.application_name, s.state, s.query, s.waiting, s.xact_start,
               s.query_start, s.backend_start, s.state_change, s.client_addr, s.client_hostname, s.client_port,
               s.enqueue, s.query_id
          FROM gauss.sessions(viewer, true) s
         WHERE thread IS NULL OR s.pid = thread;
    ELSE
        PERFORM pg_stat_clear_snapshot();
        RETURN QUERY
        SELECT b.datid, thread, thread, b.usesysid, b.application_name, b.state,
               CASE WHEN b.state <> 'idle' OR b.query_start IS NOT NULL THEN b.query END,
               coalesce(b.wait_event_type = 'Lock', false),
               b.xact_start, b.query_start, b.backend_start, b.state_change, b.client_addr, b.client_hostname, b.client_port, NULL::text, 0::bigint
          FROM pg_stat_get_activity(alone) b
         WHERE b.backend_type = 'client backend'
           AND (gauss.sees_all(viewer) OR b.usesysid = (SELECT oid FROM pg_authid WHERE rolname = viewer));
    END IF;
END $$;
CREATE FUNCTION gauss.pg_stat_get_activity(
    thread bigint, OUT datid oid, OUT pid bigint, OUT sessionid bigint, OUT usesysid oid, OUT application_name text,
    OUT state text, OUT query text, OUT waiting boolean, OUT xact_start timestamptz, OUT query_start timestamptz,
    OUT backend_start timestamptz, OUT state_change timestamptz, OUT client_addr inet, OUT client_hostname text,
    OUT client_port int, OUT enqueue text, OUT query_id bigint) RETURNS SETOF record
LANGUAGE sql AS $$
    SELECT * FROM gauss.activity(current_user, $1) $$;

-- --- making it one of the family -------------------------------------------------------------------------------------

-- The views, without the columns that the server does not have.
CREATE FUNCTION gauss.make_views() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    made record;
BEGIN
    FOR made IN
        SELECT v.name, v.source, v.is_public, string_agg(quote_ident(c.name), ', ' ORDER BY c.position) AS columns
          FROM (VALUES
            ('pg_stat_activity', 'gauss.sessions(current_user, true)', true,
             'datid datname pid sessionid lwtid usesysid usename application_name client_addr client_hostname '
             'client_port backend_start xact_start query_start state_change waiting enqueue state resource_pool '
             'stmt_type query_id query connection_info unique_sql_id trace_id'),
            ('pg_thread_wait_status', 'gauss.waits(current_user)', true,
             'node_name db_name thread_name query_id tid sessionid lwtid psessionid tlevel smpid wait_status '
             'wait_event locktag lockmode block_sessionid global_sessionid'),
            ('pg_locks', 'gauss.locks()', true,
             'locktype database relation page tuple bucket virtualxid transactionid classid objid objsubid '
             'virtualtransaction pid sessionid mode granted fastpath'),
            ('pg_roles', 'gauss.roles(current_user)', true,
             'rolname rolsuper rolinherit rolcreaterole rolcreatedb rolcanlogin rolreplication rolauditadmin '
             'rolsystemadmin rolconnlimit rolpassword rolvaliduntil rolrespool oid rolmonitoradmin roloperatoradmin '
             'rolpolicyadmin'),
            ('pg_authid', 'gauss.roles(NULL)', false,
             'rolname rolsuper rolinherit rolcreaterole rolcreatedb rolcanlogin rolreplication rolauditadmin '
             'rolsystemadmin rolconnlimit rolpassword rolvaliduntil rolrespool oid rolmonitoradmin roloperatoradmin '
             'rolpolicyadmin'),
            ('pg_stat_replication', 'gauss.senders(current_user)', true,
             'pid usesysid usename application_name client_addr client_hostname client_port backend_start state '
             'sync_priority sync_state'),
            ('pgxc_node', 'gauss.known_nodes()', true,
             'node_name node_type node_port node_host node_port1 node_host1 hostis_primary nodeis_primary '
             'nodeis_preferred node_id sctp_port control_port sctp_port1 control_port1 nodeis_central nodeis_active')
          ) v (name, source, is_public, columns),
          LATERAL unnest(string_to_array(v.columns, ' ')) WITH ORDINALITY c (name, position)
         WHERE NOT gauss.is_absent(c.name) AND NOT gauss.is_absent(v.name || '.' || c.name)
         GROUP BY v.name, v.source, v.is_public
    LOOP
        EXECUTE format('DROP VIEW IF EXISTS gauss.%I', made.name);
        CONTINUE WHEN gauss.is_absent(made.name);
        EXECUTE format('CREATE VIEW gauss.%I AS SELECT %s FROM %s', made.name, made.columns, made.source);
        IF made.is_public THEN
            EXECUTE format('GRANT SELECT ON gauss.%I TO PUBLIC', made.name);
        END IF;
    END LOOP;
END $$;

CREATE FUNCTION gauss.rename_all(was text, becomes text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    command text;
BEGIN
    FOR command IN
        SELECT format('ALTER FUNCTION %s RENAME TO %I', oid::regprocedure, becomes)
          FROM pg_catalog.pg_proc WHERE pronamespace = 'gauss'::regnamespace AND proname = was
         UNION ALL
        SELECT format('ALTER ROLE %I RENAME TO %I', was, becomes) FROM pg_catalog.pg_authid WHERE rolname = was
    LOOP
        EXECUTE command;
    END LOOP;
END $$;

-- Does without a column (of one view: `view.column`), view, function, setting or role, and has it again. A function
-- that PostgreSQL has as well is hidden by one that says it does not exist.
CREATE FUNCTION gauss.leave_out(feature text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO gauss.absent VALUES (lower(feature)) ON CONFLICT DO NOTHING;
    IF feature = 'pg_control_system' THEN
        PERFORM gauss.rename_all('absent_pg_control_system', feature);
    ELSE
        PERFORM gauss.rename_all(feature, 'absent_' || feature);
    END IF;
    PERFORM gauss.make_views();
END $$;

CREATE FUNCTION gauss.put_back(feature text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM gauss.absent a WHERE a.feature = lower(put_back.feature);
    IF feature = 'pg_control_system' THEN
        PERFORM gauss.rename_all(feature, 'absent_pg_control_system');
    ELSE
        PERFORM gauss.rename_all('absent_' || feature, feature);
    END IF;
    PERFORM gauss.make_views();
END $$;

-- A data warehouse has a thread for each session and no ids beside it; the others have no role that sees everything.
SELECT gauss.leave_out(feature)
  FROM unnest(CASE current_setting('gauss.engine') WHEN 'dws' THEN ARRAY[
           'sessionid', 'psessionid', 'block_sessionid', 'global_sessionid', 'locktag', 'lockmode', 'bucket',
           'unique_sql_id', 'trace_id', 'rolmonitoradmin', 'roloperatoradmin', 'rolpolicyadmin',
           'pg_terminate_session', 'pg_cancel_session', 'pg_terminate_active_session_socket', 'pg_stat_get_activity',
           'gs_deployment', 'opengauss_version']
       WHEN 'opengauss' THEN ARRAY['pg_stat_activity.lwtid', 'stmt_type', 'gs_role_read_all_stats']
       ELSE ARRAY['pg_stat_activity.lwtid', 'stmt_type', 'gs_role_read_all_stats', 'opengauss_version'] END) feature;
