// Model and thinking level as protocol configuration options.
import { ErrorCode, RpcError } from "./connection.js";

export function configOptions(session) {
  const options = [];
  const models = session.modelRegistry.getAvailable();
  if (session.model !== undefined) {
    options.push({
      id: "model",
      name: "Model",
      category: "model",
      type: "select",
      currentValue: modelId(session.model),
      options: models.map((model) => ({ value: modelId(model), name: model.name ?? model.id })),
    });
  }
  options.push({
    id: "thought_level",
    name: "Thinking",
    category: "thought_level",
    type: "select",
    currentValue: session.thinkingLevel,
    options: session.getAvailableThinkingLevels().map((level) => ({ value: level, name: level })),
  });
  return options;
}

export async function setConfigOption(session, configId, value) {
  const option = configOptions(session).find(({ id }) => id === configId);
  if (option === undefined) throw new RpcError(ErrorCode.invalidParams, `no such option: ${configId}`);
  if (!option.options.some((choice) => choice.value === value)) {
    throw new RpcError(ErrorCode.invalidParams, `${configId}: ${JSON.stringify(value)} is not one of its values`);
  }
  if (configId === "model") {
    await session.setModel(session.modelRegistry.getAvailable().find((model) => modelId(model) === value));
  } else {
    session.setThinkingLevel(value);
  }
  return configOptions(session);
}

function modelId(model) {
  return `${model.provider}/${model.id}`;
}
