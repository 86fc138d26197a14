const cdk = require("aws-cdk-lib");
const api = require("aws-cdk-lib/aws-apigateway");
const lambda = require("aws-cdk-lib/aws-lambda");
const app = new cdk.App();
const stack = new cdk.Stack(app, "Shop");
const fn = new lambda.Function(stack, "Fn", {
  runtime: lambda.Runtime.NODEJS_22_X, handler: "index.handler",
  code: lambda.Code.fromInline("exports.handler = async (e) => ({statusCode: 200, body: JSON.stringify({path: e.path, r: e.resource})});"),
});
new api.LambdaRestApi(stack, "Whole", { handler: fn, defaultCorsPreflightOptions: { allowOrigins: api.Cors.ALL_ORIGINS } });
const rest = new api.RestApi(stack, "Rest", { deployOptions: { stageName: "v1", throttlingRateLimit: 100, throttlingBurstLimit: 10, variables: {a: "b"} }, cloudWatchRole: true });
const model = rest.addModel("Order", { schema: { type: api.JsonSchemaType.OBJECT, required: ["n"], properties: { n: { type: api.JsonSchemaType.INTEGER } } } });
const orders = rest.root.addResource("orders");
orders.addMethod("POST", new api.LambdaIntegration(fn), { apiKeyRequired: true, requestModels: { "application/json": model }, requestValidatorOptions: { validateRequestBody: true } });
orders.addResource("{id}").addMethod("GET", new api.MockIntegration({ requestTemplates: { "application/json": '{"statusCode": 200}' }, integrationResponses: [{ statusCode: "200", responseTemplates: { "application/json": '{"id": "$input.params(\'id\')"}' } }] }), { methodResponses: [{ statusCode: "200" }] });
const guard = new api.TokenAuthorizer(stack, "Guard", { handler: fn });
orders.addMethod("GET", new api.LambdaIntegration(fn), { authorizer: guard });
const key = rest.addApiKey("Key");
const plan = rest.addUsagePlan("Plan", { throttle: { rateLimit: 10, burstLimit: 2 } });
plan.addApiKey(key); plan.addApiStage({ stage: rest.deploymentStage });
rest.addGatewayResponse("Bad", { type: api.ResponseType.BAD_REQUEST_BODY, statusCode: "422" });
new cdk.CfnOutput(stack, "KeyId", { value: key.keyId });
