// The order-processing sample as an app of the CDK.
const path = require("node:path");
const { App, CfnOutput, Duration, Stack } = require("aws-cdk-lib");
const dynamodb = require("aws-cdk-lib/aws-dynamodb");
const lambda = require("aws-cdk-lib/aws-lambda");
const { SqsEventSource } = require("aws-cdk-lib/aws-lambda-event-sources");
const sqs = require("aws-cdk-lib/aws-sqs");

class Orders extends Stack {
  constructor(scope, id) {
    super(scope, id);
    const failed = new sqs.Queue(this, "FailedOrders");
    const queue = new sqs.Queue(this, "OrdersQueue", {
      visibilityTimeout: Duration.seconds(60),
      deadLetterQueue: { queue: failed, maxReceiveCount: 3 },
    });
    const table = new dynamodb.Table(this, "OrdersTable", {
      partitionKey: { name: "orderId", type: dynamodb.AttributeType.STRING },
      billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
    });
    const common = {
      runtime: lambda.Runtime.PYTHON_3_12,
      handler: "app.handler",
      timeout: Duration.seconds(10),
      memorySize: Number(this.node.tryGetContext("memory") ?? 512),
      environment: {
        CURRENCY: this.node.tryGetContext("currency") ?? "EUR",
        QUEUE_URL: queue.queueUrl,
        TABLE_NAME: table.tableName,
      },
    };
    const source = process.env.ORDERS_SOURCE ?? path.join(__dirname, "..", "src");
    const create = new lambda.Function(this, "CreateOrder", {
      ...common,
      code: lambda.Code.fromAsset(path.join(source, "create")),
    });
    const processOrder = new lambda.Function(this, "ProcessOrder", {
      ...common,
      code: lambda.Code.fromAsset(path.join(source, "process")),
    });
    queue.grantSendMessages(create);
    table.grantReadWriteData(processOrder);
    processOrder.addEventSource(new SqsEventSource(queue, { reportBatchItemFailures: true }));
    const url = create.addFunctionUrl({ authType: lambda.FunctionUrlAuthType.NONE });
    new CfnOutput(this, "CreateOrderUrl", { value: url.url });
    new CfnOutput(this, "CreateOrderFunction", { value: create.functionName });
    new CfnOutput(this, "ProcessOrderFunction", { value: processOrder.functionName });
  }
}

new Orders(new App(), "Orders");
