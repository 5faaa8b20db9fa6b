import os
# ruleid: nothing-from-outside-is-run
import pickle
import httpx

Q = "select"
_ASK = f"select {Q} from t"
# ruleid: sql-is-made-of-constants
BAD = f"select {q} from t"
# ruleid: sql-is-made-of-constants
BAD2 = f"""
select * from t where id = '{name}'
"""


async def f(pool, name, request, secret, given):
    # ruleid: sql-is-constant, sql-is-made-of-constants
    await pool.fetch(f"select * from t where name = '{name}'")
    # ruleid: sql-is-constant
    await pool.fetchval("select " + name)
    # ruleid: sql-is-constant
    await pool.execute("select {}".format(name))
    # ruleid: sql-is-constant
    await pool.execute("select %s" % name)
    # ruleid: a-secret-is-compared-in-constant-time
    if request.secret == secret or given.token != secret:
        # ruleid: nothing-from-outside-is-run
        return eval(name)
    # ruleid: a-secret-is-compared-in-constant-time
    if secret == given:
        # ruleid: no-way-around-certificates-or-checked-addresses
        return httpx.AsyncClient(timeout=1)
    if secret == "":
        pass
    # ruleid: settings-alone-read-the-environment
    os.environ["x"]
    # ruleid: no-way-around-certificates-or-checked-addresses
    return httpx.AsyncClient(timeout=1, trust_env=False, verify=False)
