-- The accounts in the database, for psql as the superuser. PostgreSQL's image runs this file at the
-- first start; run it again after renewing a password (docs/operations.md). It does no harm.
\set ON_ERROR_STOP on
\set homeauto `cat /docker-entrypoint-initdb.d/homeauto`
\set dashboard `cat /docker-entrypoint-initdb.d/dashboard`
\set grafana `cat /docker-entrypoint-initdb.d/grafana`

SELECT format('CREATE ROLE %I LOGIN', name)
FROM unnest(ARRAY['homeauto', 'dashboard', 'grafana']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec

-- The recorder owns the database and what is in it, but is not a superuser.
ALTER ROLE homeauto PASSWORD :'homeauto';
ALTER DATABASE homeauto OWNER TO homeauto;

-- Dashboards may read all tables, also future ones, and nothing else.
ALTER ROLE dashboard PASSWORD :'dashboard' CONNECTION LIMIT 20;
ALTER ROLE dashboard SET default_transaction_read_only = on;
ALTER ROLE dashboard SET statement_timeout = '60s';
ALTER ROLE grafana PASSWORD :'grafana' CONNECTION LIMIT 20;
ALTER ROLE grafana SET default_transaction_read_only = on;
ALTER ROLE grafana SET statement_timeout = '60s';
REVOKE ALL ON DATABASE homeauto, postgres, template1 FROM PUBLIC;
GRANT CONNECT ON DATABASE homeauto TO dashboard, grafana;
GRANT USAGE ON SCHEMA public TO dashboard, grafana;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO dashboard, grafana;
ALTER DEFAULT PRIVILEGES FOR ROLE homeauto IN SCHEMA public GRANT SELECT ON TABLES
    TO dashboard, grafana;
