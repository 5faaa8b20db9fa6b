-- The two roles of Whistle and their database, by a superuser, once: psql -v owner_password=… -v app_password=… -f roles.sql
-- The owner makes tables and is used by `whistle migrate` alone; the application may append to the trail and never change it.

create role whistle_owner login password :'owner_password';
create role whistle_app login password :'app_password';
create database whistle owner whistle_owner encoding 'UTF8' locale 'C.UTF-8' template template0;
revoke all on database whistle from public;
grant connect on database whistle to whistle_app;

\connect whistle
revoke create on schema public from public;
alter schema public owner to whistle_owner;
