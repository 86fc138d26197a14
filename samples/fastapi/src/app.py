"""Orders by FastAPI; Mangum makes requests of the events of API Gateway."""

from fastapi import FastAPI, Request
from mangum import Mangum
from pydantic import BaseModel

app = FastAPI()


class Order(BaseModel):
    """An order."""

    item: str
    count: int = 1


@app.get("/orders/{order_id}")
def read(order_id: str) -> dict:
    """Return an order."""
    return {"id": order_id, "item": "tea"}


@app.post("/orders", status_code=201)
def write(order: Order, request: Request) -> dict:
    """Take an order, and say whose it is."""
    context = request.scope["aws.event"]["requestContext"]
    return {"by": context["authorizer"]["jwt"]["claims"]["sub"], **order.model_dump()}


handler = Mangum(app, lifespan="off")
