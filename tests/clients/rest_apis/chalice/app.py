"""A REST API as Chalice makes one."""

from chalice import AuthResponse, Chalice

app = Chalice(app_name="shop")


@app.authorizer()
def guard(request):
    return AuthResponse(routes=["*"] if request.token == "ok" else [], principal_id="me")


@app.route("/orders/{id}", cors=True)
def order(id):
    return {"id": id, "q": app.current_request.query_params}


@app.route("/orders", methods=["POST"])
def place():
    return app.current_request.json_body


@app.route("/guarded", authorizer=guard)
def guarded():
    return {"ok": True}
