"""x"""
async def test_x(resident):
    r = await resident.http.get("/open311/v2/discovery.xml"); print(r.status_code, r.text)
    r = await resident.http.get("/open311/v2/services.json"); print(r.status_code, r.text[:500])
    r = await resident.http.get("/open311/v2/services/sand-mining.xml"); print(r.status_code, r.text[:1500])
    r = await resident.post(); print(r.status_code, r.text)
    i = r.json()[0]["service_request_id"]
    r = await resident.post(suffix=".xml"); print(r.status_code, r.text)
    r = await resident.read(i); print(r.status_code, r.text)
    r = await resident.http.get("/open311/v2/requests.xml"); print(r.status_code, r.text)
    r = await resident.http.get("/open311/v2/requests.json", params={"api_key": resident.keys["clerk@jinhaihu"]}); print(r.status_code, r.text)
    r = await resident.http.get("/open311/v2/requests.json", params={"api_key": resident.keys["platform"]}); print(r.status_code, r.text)
    r = await resident.http.get("/open311/v2/nothing"); print(r.status_code, r.text)
    r = await resident.http.put("/open311/v2/requests.json"); print(r.status_code, r.text, r.headers)
    r = await resident.http.get("/openapi.json"); print(r.status_code, [p for p in r.json()["paths"] if "open311" in p])
