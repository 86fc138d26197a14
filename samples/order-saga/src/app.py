"""The steps of an order, and those that take one back."""


class ServiceBusy(Exception):
    """The bank has no time now."""


class OutOfStock(Exception):
    """There is nothing to ship."""


def handler(event, context):
    step = event["step"]
    if step == "charge":
        # The bank is busy at first: the workflow tries again.
        if event["order"].get("busy", 0) > event["attempt"]:
            raise ServiceBusy("try again")
        return {"payment": f"payment-of-{event['total']}"}
    if step == "ship":
        if event["order"]["item"] == "unicorn":
            raise OutOfStock("there are none")
        return {"parcel": f"parcel-with-{event['order']['item']}"}
    print(f"refunded {event['payment']}")
    return {"refunded": event["payment"]}
